;; Is made for a contract of the future.
(component
  (import "tollgate:plugin/denials@9.9.9" (instance (export "last" (func))))
  (core module $m (func (export "attempt")))
  (core instance $i (instantiate $m))
  (func (export "attempt") (canon lift (core func $i "attempt"))))
