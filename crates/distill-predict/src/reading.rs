use distill_audio::SoundFormat;
use distill_datasets::{ArrayLayout, Columns, ImageOptions};
use distill_recipe::text::TextColumn;

/// How a model was trained to see what is in files.
#[derive(Debug, Default)]
pub struct Reading {
    /// The columns of the table that it was trained on, if it was.
    pub columns: Option<Columns>,
    /// The column of text that it was trained on, if it was.
    pub text: Option<TextColumn>,
    /// What was made of images.
    pub images: ImageOptions,
    /// Where colours were in arrays.
    pub layout: Option<ArrayLayout>,
    /// How recordings became inputs, if it was trained on some.
    pub sound: Option<SoundFormat>,
}
