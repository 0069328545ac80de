;; A function with many variables that are all alive across many loops: small to write, and the
;; allocation of registers takes minutes and gigabytes. Lines that begin with `;;!` stand for as many
;; lines as the number says, with the line's own number for {i}.
(component
  (core module $m
    (func $again (result i32) i32.const 0)
    (func (export "run") (param i64) (result i64)
      (local
;;! 24000 i64
      )
;;! 24000 (local.set {i} (local.get 0))
;;! 3000 (loop (br_if 0 (call $again)))
;;! 24000 (local.set 0 (i64.add (local.get 0) (local.get {i})))
      (local.get 0)))
  (core instance (instantiate $m)))
