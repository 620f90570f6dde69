;; Makes resources of its own without end.
(component
  (core module $m
    (import "own" "new" (func $new (param i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "call") (param i32 i32 i32 i32) (result i32) (loop $again (drop (call $new (i32.const 1))) (br $again)) (i32.const 0)))
  (type $own (resource (rep i32)))
  (core func $new (canon resource.new $own))
  (core instance $i (instantiate $m (with "own" (instance (export "new" (func $new))))))
  (type $failure-type (variant (case "invalid-arguments" string) (case "not-found" string) (case "upstream" string)
    (case "rate-limited" u32) (case "refused" string) (case "other" string)))
  (export $failure "failure" (type $failure-type))
  (type $call-type (func (param "tool" string) (param "arguments" string) (result (result string (error $failure)))))
  (func $call (type $call-type)
    (canon lift (core func $i "call") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
  (export "call" (func $call)))
