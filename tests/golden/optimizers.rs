/// By `optimizers.py`: sgd, momentum, nesterov, adamw.
const GOLDEN: [[f32; 2]; 4] = [
    [0.550796, 2.45646],
    [0.5035308, 2.925368],
    [0.5245867, 2.716476],
    [0.2841406, -0.8615092],
];
