;; Tables grow for ever: they are memory of the host's, too.
(component
  (core module $m
    (table $t 1 funcref)
    (func (export "attempt")
      (loop $more
        (br_if $more (i32.ne (table.grow $t (ref.null func) (i32.const 65536)) (i32.const -1))))
      unreachable))
  (core instance $i (instantiate $m))
  (func (export "attempt") (canon lift (core func $i "attempt"))))
