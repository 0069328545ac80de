;; A component that declares no needs: they are derived from what it imports.
(component
  (import "wasi:filesystem/types@0.2.3" (instance
    (export "descriptor" (type (sub resource)))))
  (import "wasi:cli/environment@0.2.3" (instance
    (export "initial-cwd" (func (result (option string))))))
  (import "wasi:http/outgoing-handler@0.2.3" (instance)))
