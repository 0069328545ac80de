;; Ordinary functions, which are tools, with words about one of them.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64))
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "greet") (param i32 i32) (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (type $point (record (field "x" s32) (field "y" s32)))
  (export $p "point" (type $point))
  (func (export "add") (param "a" u32) (param "b" u32) (result u32)
    (canon lift (core func $i "add")))
  (func (export "greet") (param "at" $p) (result string)
    (canon lift (core func $i "greet") (memory (core memory $i "memory"))
      (realloc (core func $i "realloc"))))
  (@custom "package-docs" "\01{\"worlds\":{\"w\":{\"funcs\":{\"add\":\"Adds.\"}}}}"))
