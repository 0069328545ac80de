//! The JSON of records, byte for byte as `serde_json` writes it, in less time: a string that needs no escape is
//! copied whole, and the name of a field is known to need none.
//!
//! Does only what records are made of: structs, options, lists, strings, integers and variants without content.

use crate::redact::is_plain_ascii;
use serde::ser::{Error as _, Impossible, Serialize, SerializeSeq, SerializeStruct, Serializer};
use serde_json::Error;

/// Appends `record` to `out`.
pub(crate) fn write(out: &mut Vec<u8>, record: &impl Serialize) -> Result<(), Error> {
    record.serialize(Writer { out })
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

/// The fields of a struct or the items of a list.
struct Inside<'a> {
    out: &'a mut Vec<u8>,
    end: u8,
    begun: bool,
}

impl<'a> Inside<'a> {
    fn new(out: &'a mut Vec<u8>, brackets: [u8; 2]) -> Self {
        let [begin, end] = brackets;
        out.push(begin);
        let begun = false;
        Self { out, end, begun }
    }

    fn separate(&mut self) {
        if std::mem::replace(&mut self.begun, true) {
            self.out.push(b',');
        }
    }

    fn end(self) {
        self.out.push(self.end);
    }
}

/// What no record has.
fn foreign<T>(what: &str) -> Result<T, Error> {
    Err(Error::custom(format_args!("no record has {what}")))
}

macro_rules! integers {
    ($($method:ident($integer:ty),)*) => {$(
        fn $method(self, number: $integer) -> Result<(), Error> {
            let mut digits = itoa::Buffer::new();
            self.out.extend_from_slice(digits.format(number).as_bytes());
            Ok(())
        }
    )*};
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Inside<'a>;
    type SerializeStruct = Inside<'a>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn serialize_str(self, text: &str) -> Result<(), Error> {
        if !is_plain_ascii(text) {
            return serde_json::to_writer(self.out, text);
        }
        self.out.reserve(text.len() + 2);
        self.out.push(b'"');
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'"');
        Ok(())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Inside<'a>, Error> {
        Ok(Inside::new(self.out, *b"{}"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Inside<'a>, Error> {
        Ok(Inside::new(self.out, *b"[]"))
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    integers! {
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64),
        serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
    }

    fn serialize_bool(self, _: bool) -> Result<(), Error> {
        foreign("a truth value")
    }

    fn serialize_f32(self, _: f32) -> Result<(), Error> {
        foreign("a fraction")
    }

    fn serialize_f64(self, _: f64) -> Result<(), Error> {
        foreign("a fraction")
    }

    fn serialize_char(self, _: char) -> Result<(), Error> {
        foreign("a character")
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Error> {
        foreign("bytes")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        foreign("an empty struct")
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Error> {
        foreign("a variant with content")
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Error> {
        foreign("a tuple")
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Error> {
        foreign("a tuple")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        foreign("a variant with content")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Error> {
        foreign("a map")
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        foreign("a variant with content")
    }
}

impl SerializeStruct for Inside<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.separate();
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        value.serialize(Writer { out: self.out })
    }

    fn end(self) -> Result<(), Error> {
        Self::end(self);
        Ok(())
    }
}

impl SerializeSeq for Inside<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.separate();
        value.serialize(Writer { out: self.out })
    }

    fn end(self) -> Result<(), Error> {
        Self::end(self);
        Ok(())
    }
}
