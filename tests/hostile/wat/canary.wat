;; Looks for what an earlier call may have left, says `"clean"` or `"dirty"`, and then leaves as much as it can: in every
;; page of its memory, in a table, in a global.
(component
  (core module $m
    (memory (export "memory") 16)
    (table $t 64 funcref)
    (global $g (mut i64) (i64.const 0))
    (elem declare func $mark)
    (func $mark)
    (data (i32.const 8) "\22clean\22\22dirty\22")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "call") (param i32 i32 i32 i32) (result i32)
      (local $at i32) (local $dirty i32)
      (local.set $dirty (i64.ne (global.get $g) (i64.const 0)))
      (local.set $at (i32.const 0))
      (loop $slots
        (local.set $dirty (i32.or (local.get $dirty) (i32.eqz (ref.is_null (table.get $t (local.get $at))))))
        (table.set $t (local.get $at) (ref.func $mark))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $slots (i32.lt_u (local.get $at) (i32.const 64))))
      ;; The arguments are written at 1024 by the host, the answer below 256: everything from 4096 on is nobody's.
      (local.set $at (i32.const 4096))
      (loop $bytes
        (local.set $dirty (i32.or (local.get $dirty) (i64.ne (i64.load (local.get $at)) (i64.const 0))))
        (i64.store (local.get $at) (i64.const 0x5a17c0deb0bafe77))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $bytes (i32.lt_u (local.get $at) (i32.const 1048576))))
      (global.set $g (i64.const 0x5a17c0deb0bafe77))
      ;; result<string, failure>: a discriminant at 128, pointer and length after it.
      (i32.store8 (i32.const 128) (i32.const 0))
      (i32.store (i32.const 132) (select (i32.const 15) (i32.const 8) (local.get $dirty)))
      (i32.store (i32.const 136) (i32.const 7))
      (i32.const 128)))
  (core instance $i (instantiate $m))
  (type $failure-type (variant (case "invalid-arguments" string) (case "not-found" string) (case "upstream" string)
    (case "rate-limited" u32) (case "refused" string) (case "other" string)))
  (export $failure "failure" (type $failure-type))
  (type $call-type (func (param "tool" string) (param "arguments" string) (result (result string (error $failure)))))
  (func $call (type $call-type)
    (canon lift (core func $i "call") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
  (export "call" (func $call)))
