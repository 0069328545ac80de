//! The adapters to models as what they are: components behind the gate, beside what nobody here wrote.
//!
//! - [`verbs`]: what `tollgate provider` says of them, and what it records.

mod verbs;
