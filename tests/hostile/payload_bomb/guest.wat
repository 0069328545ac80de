;; Hands the host one piece of its memory twice: the guest has it once, the host would have it two times.
(component
  (import "wasi:logging/logging@0.1.0-draft" (instance $logging
    (type $level' (enum "trace" "debug" "info" "warn" "error" "critical"))
    (export "level" (type $level (eq $level')))
    (export "log" (func (param "level" $level) (param "context" string) (param "message" string)))))
  (core module $memory (memory (export "memory") 656))
  (core instance $memory (instantiate $memory))
  (alias core export $memory "memory" (core memory $mem))
  (core func $log (canon lower (func $logging "log") (memory $mem)))
  (core module $m
    (import "host" "log" (func $log (param i32 i32 i32 i32 i32)))
    (func (export "attempt")
      (call $log (i32.const 0) (i32.const 0) (i32.const 41943040) (i32.const 0) (i32.const 41943040))))
  (core instance $i (instantiate $m (with "host" (instance (export "log" (func $log))))))
  (func (export "attempt") (canon lift (core func $i "attempt"))))
