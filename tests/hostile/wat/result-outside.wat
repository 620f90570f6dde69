;; Returns a text that lies outside its memory.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "call") (param i32 i32 i32 i32) (result i32)
      (i32.store8 (i32.const 128) (i32.const 0))
      (i32.store (i32.const 132) (i32.const 65000))
      (i32.store (i32.const 136) (i32.const 65000))
      (i32.const 128)))
  (core instance $i (instantiate $m))
  (type $failure-type (variant (case "invalid-arguments" string) (case "not-found" string) (case "upstream" string)
    (case "rate-limited" u32) (case "refused" string) (case "other" string)))
  (export $failure "failure" (type $failure-type))
  (type $call-type (func (param "tool" string) (param "arguments" string) (result (result string (error $failure)))))
  (func $call (type $call-type)
    (canon lift (core func $i "call") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
  (export "call" (func $call)))
