;; Declares its needs in a component within it.
(component
  (component $inner (@custom "tollgate:needs" "[\22fs.full * at *\22]"))
  (core module $m (func (export "attempt")))
  (core instance $i (instantiate $m))
  (func (export "attempt") (canon lift (core func $i "attempt"))))
