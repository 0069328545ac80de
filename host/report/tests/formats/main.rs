//! Receipts in the formats of others, held to the published schemas in `tests/schemas`.

#[cfg(test)]
mod ocsf;
#[cfg(test)]
mod ocsf_schema;
#[cfg(test)]
mod otel;
#[cfg(test)]
mod receipts;
