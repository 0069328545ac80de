//! Header fields.

/// Header fields in order. Names compare without regard to case (RFC 9110, section 5.1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    /// Adds a field; one of the same name stays.
    pub fn append(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.0.push((name.into(), value.into()));
    }

    /// Sets a field, replacing those of the same name.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) {
        let name = name.into();
        self.0
            .retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
        self.0.push((name, value.into()));
    }

    /// The first value of that name, if it is text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of that name that are text.
    pub fn all<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a str> + use<'a, 'n> {
        self.iter()
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
            .filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Whether the body's media type is `essence`, such as `text/event-stream`, whatever its parameters.
    pub fn is_type(&self, essence: &str) -> bool {
        self.get("content-type")
            .and_then(|value| value.split(';').next())
            .is_some_and(|value| value.trim().eq_ignore_ascii_case(essence))
    }

    /// All fields.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_slice()))
    }
}

impl<N: Into<String>, V: Into<Vec<u8>>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        Self(
            fields
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case() {
        let mut headers =
            Headers::from_iter([("Content-Type", "Text/Event-Stream; charset=utf-8")]);
        assert!(headers.is_type("text/event-stream"));
        assert!(!headers.is_type("text/event"));
        headers.append("X-A", "1");
        headers.append("x-a", "2");
        assert_eq!(headers.all("X-a").collect::<Vec<_>>(), ["1", "2"]);
        headers.set("X-A", "3");
        assert_eq!(headers.all("x-a").collect::<Vec<_>>(), ["3"]);
        headers.append("b", [0xff]);
        assert_eq!(headers.get("b"), None);
    }
}
