use distill_audio::SoundFormat;
use distill_datasets::{ArrayLayout, Columns, ImageOptions};
use distill_models::Provenance;
use distill_recipe::data_folder::{columns_of, images_of, layout_of, sound_of};
use distill_recipe::text::{TextColumn, text_of};

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

impl Reading {
    /// What the file of a model with so many inputs says of it.
    pub fn of(provenance: &Provenance, features: usize) -> Self {
        Self {
            columns: columns_of(provenance),
            text: text_of(provenance).and_then(|text| text.column(features)),
            images: images_of(provenance),
            layout: layout_of(provenance),
            sound: sound_of(provenance),
        }
    }
}
