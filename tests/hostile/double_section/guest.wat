;; Declares its needs twice: which of them was reviewed?
(component
  (@custom "tollgate:needs" "[]")
  (@custom "tollgate:needs" "[\22fs.full * at *\22]")
  (core module $m (func (export "attempt")))
  (core instance $i (instantiate $m))
  (func (export "attempt") (canon lift (core func $i "attempt"))))
