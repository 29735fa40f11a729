//! The target `templates` as a program of libFuzzer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| codepromptu_fuzz::templates(data));
