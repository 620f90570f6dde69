;; Tells the host to write the arguments where it has no memory.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const -8))
    (func (export "call") (param i32 i32 i32 i32) (result i32) (i32.const 128)))
  (core instance $i (instantiate $m))
  (type $failure-type (variant (case "invalid-arguments" string) (case "not-found" string) (case "upstream" string)
    (case "rate-limited" u32) (case "refused" string) (case "other" string)))
  (export $failure "failure" (type $failure-type))
  (type $call-type (func (param "tool" string) (param "arguments" string) (result (result string (error $failure)))))
  (func $call (type $call-type)
    (canon lift (core func $i "call") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
  (export "call" (func $call)))
