;; A plugin of the contract in its outlines: an interface of tools, with the sections that a build attaches.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "run")))
  (core instance $i (instantiate $m))
  (func $run (canon lift (core func $i "run")))
  (instance $tool (export "run" (func $run)))
  (export "tollgate:plugin/tool@0.1.0" (instance $tool))
  (@custom "tollgate:needs" "[\"http GET https://api.example.com/*\",\"env HOME\"]")
  (@custom "tollgate:meta" "{\"name\":\"small\",\"version\":\"0.1.0\",\"world\":\"tools\",\"contract\":\"0.1.0\"}"))
