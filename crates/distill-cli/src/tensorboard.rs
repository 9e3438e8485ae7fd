pub(crate) fn header(_t: f64) -> Vec<u8> {
    vec![]
}
pub(crate) fn scalar(_t: f64, _s: u64, _tag: &str, _v: f32) -> Vec<u8> {
    vec![]
}
