;; Imports a function of the contract with another type than it has: the answer would be read as a pointer.
(component
  (import "wasi:random/random@0.2.12" (instance (export "get-random-bytes" (func (param "len" string) (result u64)))))
  (core module $m (func (export "attempt")))
  (core instance $i (instantiate $m))
  (func (export "attempt") (canon lift (core func $i "attempt"))))
