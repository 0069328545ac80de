;; Traps when it is made.
(component
  (core module $m
    (func $f unreachable)
    (start $f)
    (func (export "attempt")))
  (core instance $i (instantiate $m))
  (func (export "attempt") (canon lift (core func $i "attempt"))))
