;; A table with more elements than memory may have, before anything runs.
(component
  (core module $m
    (table 100000000 funcref)
    (func (export "attempt")))
  (core instance $i (instantiate $m))
  (func (export "attempt") (canon lift (core func $i "attempt"))))
