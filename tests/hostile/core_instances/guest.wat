;; A component of a few hundred bytes that asks for a thousand core instances: 40 times 25. Lines that
;; begin with `;;!` stand for as many lines as the number says.
(component
  (component $many
    (core module $empty)
;;! 25 (core instance (instantiate $empty))
  )
;;! 40 (instance (instantiate $many))
)
