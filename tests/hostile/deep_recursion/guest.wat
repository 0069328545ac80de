;; Calls itself for ever.
(component
  (core module $m
    (func $f (export "attempt") (call $f) (call $f)))
  (core instance $i (instantiate $m))
  (func (export "attempt") (canon lift (core func $i "attempt"))))
