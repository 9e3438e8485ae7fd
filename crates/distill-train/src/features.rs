use distill_losses::{LossError, LossValue};
use distill_models::Tape;

use crate::exchange::{Alone, Exchange};

/// A loss on inner values of student and teacher, which is added to that on the logits.
///
/// It reads both tapes by name, such as `hidden.0`, and adds its gradient to what enters at the student's, with
/// [`Tape::activation_and_gradient`]. The teacher is a constant, asked live.
///
/// # Examples
/// ```
/// use distill_losses::{LossError, LossValue, Term};
/// use distill_models::Tape;
/// use distill_train::FeatureLoss;
///
/// /// Half the mean square of an inner value.
/// struct Quiet;
///
/// impl FeatureLoss for Quiet {
///     fn value_and_grad(&self, student: &mut Tape, _: Option<&Tape>) -> Result<LossValue, LossError> {
///         let name = "hidden.0";
///         let (value, mut grad) = student.activation_and_gradient(name).ok_or(LossError::MissingValue { name: name.to_owned() })?;
///         let n = value.len() as f32;
///         grad.scaled_add(1.0 / n, &value);
///         let loss = f64::from(value.iter().map(|x| x * x).sum::<f32>() / n) / 2.0;
///         Ok(LossValue::new(loss).with(Term::new("quiet", loss)))
///     }
/// }
///
/// let mut tape = Tape::new([("hidden.0".to_owned(), 2), ("logits".to_owned(), 1)]);
/// tape.begin(1);
/// tape.slots_mut()[0].value_mut().assign(&ndarray::array![[2.0, 4.0]]);
/// assert_eq!(Quiet.value_and_grad(&mut tape, None)?.total, 5.0);
/// assert_eq!(tape.slots()[0].entered(), Some(ndarray::array![[1.0, 2.0]].view()));
/// # Ok::<(), LossError>(())
/// ```
pub trait FeatureLoss: Send + Sync {
    /// Returns the loss, a mean over the examples with its weight in it, and adds its gradient at inner values of the student.
    ///
    /// The teacher's tape has its values for the same inputs; there is none where the student learns from labels alone.
    ///
    /// # Errors
    /// [`LossError::MissingValue`] if one of them has no such value, and whatever else does not fit.
    fn value_and_grad(&self, student: &mut Tape, teacher: Option<&Tape>) -> Result<LossValue, LossError>;
}

/// What may be added to a training: nothing, unless it is said.
#[derive(Clone, Copy)]
pub struct Hooks<'a> {
    /// Who trains the same model in step with this one.
    pub exchange: &'a dyn Exchange,
    /// What is minimised besides the loss on the logits.
    pub features: Option<&'a dyn FeatureLoss>,
}

impl Default for Hooks<'_> {
    fn default() -> Self {
        Self { exchange: &Alone, features: None }
    }
}
