;; Logs bytes that are no UTF-8.
(component
  (import "claviger:plugin/log@0.1.0" (instance $log
    (type $words (enum "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $words)))
    (export "write" (func (param "level" $level) (param "message" string)))))
  (core module $store
    (memory (export "memory") 1)
    (data (i32.const 64) "\c3\28\ed\a0\80\ff\fe")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $s (instantiate $store))
  (core func $write (canon lower (func $log "write") (memory (core memory $s "memory"))))
  (core module $m
    (import "log" "write" (func $write (param i32 i32 i32)))
    (func (export "call") (param i32 i32 i32 i32) (result i32)
      (call $write (i32.const 1) (i32.const 64) (i32.const 7)) (i32.const 0)))
  (core instance $i (instantiate $m (with "log" (instance (export "write" (func $write))))))
  (type $failure-type (variant (case "invalid-arguments" string) (case "not-found" string) (case "upstream" string)
    (case "rate-limited" u32) (case "refused" string) (case "other" string)))
  (export $failure "failure" (type $failure-type))
  (type $call-type (func (param "tool" string) (param "arguments" string) (result (result string (error $failure)))))
  (func $call (type $call-type)
    (canon lift (core func $i "call") (memory (core memory $s "memory")) (realloc (core func $s "realloc"))))
  (export "call" (func $call)))
