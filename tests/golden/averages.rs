/// By `optimizers.py`: averages of sin and cos after 5 and 50 steps.
const AVERAGES: [[f32; 2]; 2] = [
    [-0.7673001, -0.06750886],
    [-0.2991652, 0.1821728],
];
