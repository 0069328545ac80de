;; Imports what this host has never heard of.
(component
  (import "evil:host/every-thing@1.0.0" (instance (export "run" (func))))
  (core module $m (func (export "attempt")))
  (core instance $i (instantiate $m))
  (func (export "attempt") (canon lift (core func $i "attempt"))))
