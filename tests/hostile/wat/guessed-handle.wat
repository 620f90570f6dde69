;; Guesses the handle of a secret.
(component
  (import "claviger:plugin/secrets@0.1.0" (instance $secrets (export "secret" (type (sub resource)))))
  (alias export $secrets "secret" (type $secret))
  (core func $drop (canon resource.drop $secret))
  (core module $m
    (import "secrets" "drop" (func $drop (param i32)))
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "call") (param i32 i32 i32 i32) (result i32) (call $drop (i32.const 7)) (i32.const 0)))
  (core instance $i (instantiate $m (with "secrets" (instance (export "drop" (func $drop))))))
  (type $failure-type (variant (case "invalid-arguments" string) (case "not-found" string) (case "upstream" string)
    (case "rate-limited" u32) (case "refused" string) (case "other" string)))
  (export $failure "failure" (type $failure-type))
  (type $call-type (func (param "tool" string) (param "arguments" string) (result (result string (error $failure)))))
  (func $call (type $call-type)
    (canon lift (core func $i "call") (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
  (export "call" (func $call)))
