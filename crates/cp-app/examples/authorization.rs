//! Prints `docs/authorization.md`.
#![expect(clippy::print_stdout, reason = "this is what it is for")]

fn main() {
    print!("{}", cp_app::access::table());
}
