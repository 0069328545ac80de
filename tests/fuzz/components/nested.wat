;; Components in a component, instantiated more than once and through an alias.
(component
  (component $inner
    (core module $m)
    (core instance (instantiate $m))
    (core instance (instantiate $m)))
  (component $outer
    (alias outer 1 0 (component $c))
    (instance (instantiate $c)))
  (instance (instantiate $inner))
  (instance (instantiate $inner))
  (instance (instantiate $outer)))
