/// By `optimizers.py`: sgd, momentum, nesterov, adamw.
const GOLDEN: [[f32; 2]; 4] = [
    [0.550796, 2.45646],
    [0.5035308, 2.925368],
    [0.5245867, 2.716476],
    [0.2841406, -0.8615092],
];
/// By `optimizers.py`: sgd, momentum, nesterov, adamw, of which the first number alone decays.
const GOLDEN_BY_GROUP: [[f32; 2]; 4] = [
    [0.550796, 2.463129],
    [0.5035308, 2.978001],
    [0.5245867, 2.743196],
    [0.2841406, -1.007602],
];
