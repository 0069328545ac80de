//! A JSON object with its fields as they were written and in their order.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

/// The fields of an object.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// The value of `name`. Of two with one name the last counts, as everywhere else.
    pub(crate) fn get(&self, name: &str) -> Option<&RawValue> {
        let found = self.0.iter().rev().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_ref())
    }

    /// Sets the value of `name`, where it stands if it is there, else at the end.
    pub(crate) fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.0.iter_mut().rev().find(|(other, _)| other == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.into(), value)),
        }
    }

    /// Changes every value that `change` gives another for.
    pub(crate) fn change<E>(
        &mut self,
        mut change: impl FnMut(&str, &RawValue) -> Result<Option<Box<RawValue>>, E>,
    ) -> Result<(), E> {
        for (name, value) in &mut self.0 {
            if let Some(new) = change(name, value)? {
                *value = new;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Fields::default();
                while let Some(field) = map.next_entry()? {
                    fields.0.push(field);
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Fields {
        serde_json::from_str(text).unwrap()
    }

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).unwrap()
    }

    #[test]
    fn order_and_values_stay_as_written() {
        let mut fields = fields(r#"{"b": 1.50, "a":[ 1,2 ]}"#);
        fields.set("b", raw("\"x\""));
        fields.set("0", raw("null"));
        assert_eq!(
            serde_json::to_string(&fields).unwrap(),
            r#"{"b":"x","a":[ 1,2 ],"0":null}"#
        );
        assert_eq!(fields.get("a").unwrap().get(), "[ 1,2 ]");
        assert!(fields.get("c").is_none());
    }

    #[test]
    fn of_two_with_one_name_the_last_counts() {
        let mut fields = fields(r#"{"a":1,"a":2}"#);
        assert_eq!(fields.get("a").unwrap().get(), "2");
        fields.set("a", raw("3"));
        assert_eq!(serde_json::to_string(&fields).unwrap(), r#"{"a":1,"a":3}"#);
    }

    #[test]
    fn only_an_object_has_fields() {
        for text in ["[]", "1", "null", "{", ""] {
            assert!(serde_json::from_str::<Fields>(text).is_err(), "{text}");
        }
    }
}
