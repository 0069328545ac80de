;; More functions than anybody writes.
(component
  (core module $m
    (func (export "attempt"))
;;! 300000 (func)
  )
  (core instance $i (instantiate $m))
  (func (export "attempt") (canon lift (core func $i "attempt"))))
