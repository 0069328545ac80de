//! What the fuzz targets reach of this crate (`tests/fuzz`), and no part of its interface: values of ordinary
//! functions and JSON, without a component and without an engine.

use crate::plain::docs::Docs;
use crate::plain::read::{self, Room};
use crate::plain::{schema, write};
use serde_json::Value;

pub use crate::plain::shape::{Int, SHAPE_DEPTH_MAX, Shape};
pub use wasmtime::component::Val;

/// The JSON Schema of a parameter or a result.
pub fn schema(shape: &Shape) -> Value {
    schema::of(shape)
}

/// The value that an argument is, or why it is none.
pub fn read(shape: &Shape, argument: &Value) -> Result<Val, String> {
    read::value(shape, argument, &mut Room::default()).map_err(|misfit| misfit.to_string())
}

/// The JSON of a result.
pub fn write(shape: &Shape, value: &Val, bytes_max: usize) -> Result<String, String> {
    write::json(shape, value, bytes_max).map_err(|error| error.to_string())
}

/// The words of a section about functions.
pub fn docs(section: &[u8]) -> Vec<String> {
    Docs::read(section).words().map(str::to_owned).collect()
}
