;; Never ends to begin: the loop is in the start function, and runs when the component is made.
(component
  (core module $m
    (func $f (loop $l (br $l)))
    (start $f)
    (func (export "attempt")))
  (core instance $i (instantiate $m))
  (func (export "attempt") (canon lift (core func $i "attempt"))))
