;; Each of many memories is small; together they are more than one may be.
(component
  (core module $m
    (memory 1)
    (func (export "attempt")
      (if (i32.eq (memory.grow (i32.const 127)) (i32.const -1)) (then unreachable))))
;;! 8 (core instance $i{i} (instantiate $m))
  (core module $all
;;! 8 (import "{i}" "attempt" (func $f{i}))
    (func (export "attempt")
;;! 8 (call $f{i})
    ))
  (core instance $i (instantiate $all
;;! 8 (with "{i}" (instance $i{i}))
  ))
  (func (export "attempt") (canon lift (core func $i "attempt"))))
