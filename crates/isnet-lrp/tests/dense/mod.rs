//! One sample through a graph as explicit matrices.

use isnet_graph::{Graph, Node, NodeId, Op, ParamId, Shape, Sharing};
use isnet_lrp::{Composite, FirstLayer, Pass, Start};

pub mod layer_rules;

pub type Matrix = Vec<Vec<f64>>; // [output][input]

/// A graph at one image: activations and the matrix of every linear connection.
pub struct DenseModel<'a> {
    graph: &'a Graph,
    params: Vec<Vec<f64>>,
    shapes: Vec<Shape>,
    pub activations: Vec<Vec<f64>>,
}

/// Relevance of every node, and of the image.
pub struct DenseRelevance {
    pub relevance: Vec<Vec<f64>>,
    pub heatmap: Vec<f64>,
}

impl<'a> DenseModel<'a> {
    pub fn new(graph: &'a Graph, params: Vec<Vec<f64>>, size: [usize; 2], image: &[f64]) -> Self {
        let shapes = graph.shapes(size).expect("shapes");
        let mut model = Self { graph, params, shapes, activations: vec![image.to_vec()] };
        for (id, node) in graph.nodes().skip(1) {
            let inputs: Vec<&[f64]> =
                node.inputs.iter().map(|input| model.activations[input.index()].as_slice()).collect();
            let value = model.apply(id, node, &inputs, &inputs);
            model.activations.push(value);
        }
        model
    }

    /// R = a ⊙ G with G by transposed matrices, METHOD §2.
    pub fn explain(&self, seed: &[f64], composite: &Composite) -> DenseRelevance {
        let mut gradients: Vec<Vec<f64>> = self.activations.iter().map(|a| vec![0.0; a.len()]).collect();
        gradients[self.graph.logits().index()] = seed.to_vec();
        for (id, node) in self.graph.nodes().skip(1).rev() {
            let gradient = gradients[id.index()].clone();
            for (slot, input) in node.inputs.iter().enumerate() {
                let share: Vec<f64> = match node.op {
                    Op::Sigmoid | Op::SpatialShare(_) | Op::Threshold(_) => {
                        vec![0.0; self.activations[input.index()].len()]
                    }
                    Op::Relu => self.activations[id.index()]
                        .iter()
                        .zip(&gradient)
                        .map(|(a, g)| relu_factor(*a, composite.epsilon) * g)
                        .collect(),
                    _ => transposed(&self.matrix(id, node, slot), &gradient),
                };
                add(&mut gradients[input.index()], &share);
            }
        }
        let relevance: Vec<Vec<f64>> = self.activations.iter().zip(&gradients).map(|(a, g)| product(a, g)).collect();
        let heatmap = match composite.first_layer {
            FirstLayer::TimesInput => relevance[0].clone(),
            FirstLayer::ZBox { low, high } => self.z_box_heatmap(&gradients, (low, high), composite.epsilon),
        };
        DenseRelevance { relevance, heatmap }
    }

    /// The paper's rule on a chain: R_j = a_j Σ_k w_kj R_k / (z_k + ε), layer by layer from the last ReLU down.
    pub fn layerwise_epsilon(&self, seed: &[f64], epsilon: f64) -> Vec<f64> {
        let mut composite: Option<Matrix> = None; // linear nodes since the ReLU above, as one matrix
        let mut above: Option<(NodeId, Vec<f64>)> = None; // that ReLU and its relevance
        let mut result = Vec::new();
        for (id, node) in self.graph.nodes().rev() {
            if node.op == Op::Relu || node.op == Op::Input {
                let weights = composite.take().expect("a linear part");
                let share: Vec<f64> = match &above {
                    None => seed.to_vec(),
                    Some((relu, relevance)) => {
                        let z = &self.activations[self.graph.node(*relu).inputs[0].index()];
                        relevance
                            .iter()
                            .zip(z)
                            .map(|(r, z)| if *r == 0.0 { 0.0 } else { r / (z + epsilon * z.signum()) })
                            .collect()
                    }
                };
                result = product(&self.activations[id.index()], &transposed(&weights, &share));
                above = Some((id, result.clone()));
            } else {
                let matrix = self.matrix(id, node, 0);
                composite = Some(match composite {
                    None => matrix,
                    Some(upper) => multiply(&upper, &matrix),
                });
            }
        }
        result
    }

    /// z^B with the whole affine part as one matrix, for every path from the image.
    fn z_box_heatmap(&self, gradients: &[Vec<f64>], (low, high): (f64, f64), epsilon: f64) -> Vec<f64> {
        let mut heatmap = vec![0.0; self.activations[0].len()];
        let mut open: Vec<(NodeId, Matrix, bool)> = vec![(self.graph.input(), identity(heatmap.len()), false)];
        while let Some((id, weights, has_layer)) = open.pop() {
            let readers = self.readers(id);
            let lone_norm = readers.len() == 1 && matches!(self.graph.node(readers[0]).op, Op::BatchNorm(_));
            let is_layer = matches!(self.graph.node(id).op, Op::Conv(_) | Op::Dense(_));
            if has_layer && !(is_layer && lone_norm) {
                let relevance = self.relevance_at_head(id, gradients);
                add(&mut heatmap, &self.z_box(id, &weights, &relevance, (low, high), epsilon));
                continue;
            }
            for reader in readers {
                let node = self.graph.node(reader);
                let layer = has_layer || matches!(node.op, Op::Conv(_) | Op::Dense(_));
                open.push((reader, multiply(&self.matrix(reader, node, 0), &weights), layer));
            }
        }
        heatmap
    }

    fn readers(&self, id: NodeId) -> Vec<NodeId> {
        self.graph.nodes().filter(|(_, node)| node.inputs.contains(&id)).map(|(id, _)| id).collect()
    }

    /// a ⊙ G of the ReLUs that read the head, and z ⊙ (Wᵀ·G) of its other readers.
    fn relevance_at_head(&self, head: NodeId, gradients: &[Vec<f64>]) -> Vec<f64> {
        let z = &self.activations[head.index()];
        let mut relevance = vec![0.0; z.len()];
        if head == self.graph.logits() {
            add(&mut relevance, &product(z, &gradients[head.index()]));
        }
        for (id, node) in self.graph.nodes() {
            for slot in node.inputs.iter().enumerate().filter(|(_, input)| **input == head).map(|(slot, _)| slot) {
                let gradient = &gradients[id.index()];
                let share = match node.op {
                    Op::Relu => product(&self.activations[id.index()], gradient),
                    _ => product(z, &transposed(&self.matrix(id, node, slot), gradient)),
                };
                add(&mut relevance, &share);
            }
        }
        relevance
    }

    fn z_box(
        &self,
        head: NodeId,
        weights: &Matrix,
        relevance: &[f64],
        (low, high): (f64, f64),
        epsilon: f64,
    ) -> Vec<f64> {
        let image = &self.activations[0];
        let mut heatmap = vec![0.0; image.len()];
        for (k, row) in weights.iter().enumerate() {
            let full = self.activations[head.index()][k];
            let bias = full - dot(row, image);
            let positive: f64 = row.iter().map(|w| w.max(0.0)).sum();
            let negative: f64 = row.iter().map(|w| w.min(0.0)).sum();
            let z = full - low * (positive + bias.max(0.0)) - high * (negative + bias.min(0.0));
            let s = relevance[k] / (z + if z >= 0.0 { epsilon } else { -epsilon });
            for (j, w) in row.iter().enumerate() {
                heatmap[j] += s * (image[j] * w - low * w.max(0.0) - high * w.min(0.0));
            }
        }
        heatmap
    }

    /// Relevance of every node by a rule per linear part, METHOD §2: each part as one matrix.
    pub fn explain_by_layers(&self, seed: &[f64], pass: &Pass, start: Start, include_bias: bool) -> Vec<Vec<f64>> {
        let mut relevance: Vec<Vec<f64>> = self.activations.iter().map(|a| vec![0.0; a.len()]).collect();
        let logits = self.graph.logits();
        relevance[logits.index()] = product(&self.activations[logits.index()], seed);
        for (id, node) in self.graph.nodes().skip(1).rev() {
            if let Some(part) = pass.parts().iter().find(|part| part.head == id)
                && !matches!(pass.rules()[id.index()], isnet_lrp::Rule::Pass)
            {
                let chain: Vec<NodeId> = part.before.iter().copied().chain([part.layer]).chain(part.norm).collect();
                let first = self.matrix(chain[0], self.graph.node(chain[0]), 0);
                let weights =
                    chain[1..].iter().fold(first, |sum, id| multiply(&self.matrix(*id, self.graph.node(*id), 0), &sum));
                let input = &self.activations[part.source.index()];
                let linear = layer_rules::Linear::new(weights, input, &self.activations[id.index()], include_bias);
                let own = (start == Start::OwnLogits && id == logits).then_some(seed);
                let share = linear.share(pass.rules()[id.index()], &relevance[id.index()], own);
                add(&mut relevance[part.source.index()], &share);
                continue;
            }
            let moves =
                matches!(node.op, Op::MaxPool(_) | Op::LogSumExpPool(_) | Op::Concat | Op::Flatten | Op::Identity);
            let passes = matches!(node.op, Op::Relu | Op::Dropout(_) | Op::BatchNorm(_) | Op::Gate);
            let shares: Vec<Vec<f64>> = if passes && !inside(pass, id) {
                vec![relevance[id.index()].clone()]
            } else if moves && !inside(pass, id) {
                (0..node.inputs.len())
                    .map(|slot| transposed(&self.matrix(id, node, slot), &relevance[id.index()]))
                    .collect()
            } else if matches!(node.op, Op::Add | Op::AveragePool(_) | Op::AdaptiveAveragePool(_) | Op::Interpolate) {
                let slots = if node.op == Op::Interpolate { 1 } else { node.inputs.len() };
                // All inputs as one vector.
                let mut weights: Matrix = vec![Vec::new(); relevance[id.index()].len()];
                for slot in 0..slots {
                    weights.iter_mut().zip(self.matrix(id, node, slot)).for_each(|(row, more)| row.extend(more));
                }
                let input: Vec<f64> =
                    node.inputs[..slots].iter().flat_map(|input| self.activations[input.index()].clone()).collect();
                let linear = layer_rules::Linear::new(weights, &input, &self.activations[id.index()], false);
                let share = linear.share(pass.rules()[id.index()], &relevance[id.index()], None);
                share.chunks(share.len() / slots).map(<[f64]>::to_vec).collect()
            } else {
                continue;
            };
            for (input, share) in node.inputs.iter().zip(shares) {
                add(&mut relevance[input.index()], &share);
            }
        }
        relevance
    }

    /// The matrix of a linear node with respect to one of its inputs, column by column.
    fn matrix(&self, id: NodeId, node: &Node, slot: usize) -> Matrix {
        let winners: Vec<&[f64]> = node.inputs.iter().map(|input| self.activations[input.index()].as_slice()).collect();
        let zeros: Vec<Vec<f64>> = winners.iter().map(|input| vec![0.0; input.len()]).collect();
        let send = |inputs: &[Vec<f64>]| {
            let inputs: Vec<&[f64]> = inputs.iter().map(Vec::as_slice).collect();
            self.apply(id, node, &inputs, &winners)
        };
        let offset = send(&zeros);
        let columns: Vec<Vec<f64>> = (0..winners[slot].len())
            .map(|j| {
                let mut inputs = zeros.clone();
                inputs[slot][j] = 1.0;
                send(&inputs).iter().zip(&offset).map(|(with, without)| with - without).collect()
            })
            .collect();
        (0..offset.len()).map(|k| columns.iter().map(|column| column[k]).collect()).collect()
    }

    /// The node in naive loops; a max pool takes its winners from `winners`.
    #[expect(clippy::too_many_lines, reason = "one arm per operation, read side by side with METHOD §2")]
    fn apply(&self, id: NodeId, node: &Node, inputs: &[&[f64]], winners: &[&[f64]]) -> Vec<f64> {
        let (x, from, to) = (inputs[0], self.shapes[node.inputs[0].index()], self.shapes[id.index()]);
        let param = |id: ParamId| self.params[id.index()].as_slice();
        match &node.op {
            Op::Conv(conv) => {
                let shape = &self.graph.param(conv.weight).shape;
                let (w, g) = (param(conv.weight), &conv.geometry);
                let per_group = to.channels / g.groups;
                collect(to, |y, xx, o| {
                    let mut sum = conv.bias.map_or(0.0, |bias| param(bias)[o]);
                    for i in 0..shape[1] {
                        let channel = o / per_group * shape[1] + i;
                        for (kh, kw) in pairs(shape[2], shape[3]) {
                            let row = (y * g.stride[0] + kh * g.dilation[0]).checked_sub(g.padding[0]);
                            let col = (xx * g.stride[1] + kw * g.dilation[1]).checked_sub(g.padding[1]);
                            sum += at(x, from, row, col, channel)
                                * w[((o * shape[1] + i) * shape[2] + kh) * shape[3] + kw];
                        }
                    }
                    sum
                })
            }
            Op::ConvTranspose(conv) => {
                let shape = &self.graph.param(conv.weight).shape;
                let (w, g) = (param(conv.weight), &conv.geometry);
                let source = |place: usize, tap: usize, axis: usize| {
                    let reached = (place + g.padding[axis]).checked_sub(tap * g.dilation[axis])?;
                    reached.is_multiple_of(g.stride[axis]).then_some(reached / g.stride[axis])
                };
                let per_group = from.channels / g.groups;
                collect(to, |y, xx, o| {
                    let mut sum = conv.bias.map_or(0.0, |bias| param(bias)[o]);
                    let (group, o) = (o / shape[1], o % shape[1]);
                    for i in group * per_group..(group + 1) * per_group {
                        for (kh, kw) in pairs(shape[2], shape[3]) {
                            sum += at(x, from, source(y, kh, 0), source(xx, kw, 1), i)
                                * w[((i * shape[1] + o) * shape[2] + kh) * shape[3] + kw];
                        }
                    }
                    sum
                })
            }
            Op::Dense(dense) => {
                let (w, n) = (param(dense.weight), from.channels);
                collect(to, |_, t, o| {
                    dot(&w[o * n..][..n], &x[t * n..][..n]) + dense.bias.map_or(0.0, |bias| param(bias)[o])
                })
            }
            Op::BatchNorm(norm) => collect(to, |y, xx, c| {
                let scale = param(norm.weight)[c] / (param(norm.running_var)[c] + norm.epsilon).sqrt();
                (at(x, from, Some(y), Some(xx), c) - param(norm.running_mean)[c]) * scale + param(norm.bias)[c]
            }),
            Op::Relu => x.iter().map(|v| v.max(0.0)).collect(),
            Op::Sigmoid => x.iter().map(|v| 1.0 / (1.0 + (-v).exp())).collect(),
            Op::Threshold(value) => x.iter().map(|v| f64::from(u8::from(v > value))).collect(),
            Op::SpatialShare(Sharing::Softmax) => {
                let places = from.height * from.width;
                let total = |c: usize| (0..places).map(|place| x[place * from.channels + c].exp()).sum::<f64>();
                collect(to, |y, xx, c| at(x, from, Some(y), Some(xx), c).exp() * places as f64 / total(c))
            }
            // Linear around the picture: shares of the places are constants, that of the picture.
            Op::LogSumExpPool(sharpness) => {
                let places = from.height * from.width;
                collect(to, |_, _, c| {
                    let of_channel = |values: &[f64]| -> Vec<f64> {
                        (0..places).map(|place| values[place * from.channels + c]).collect()
                    };
                    let (here, sent) = (of_channel(winners[0]), of_channel(x));
                    let weights: Vec<f64> = here.iter().map(|value| (sharpness * value).exp()).collect();
                    let total: f64 = weights.iter().sum();
                    let linear: f64 =
                        weights.iter().zip(sent.iter().zip(&here)).map(|(w, (x, a))| w / total * (x - a)).sum();
                    (total / places as f64).ln() / sharpness + linear
                })
            }
            Op::SpatialShare(Sharing::AboveMinimum) => {
                let places = from.height * from.width;
                let of_channel = |c: usize| (0..places).map(move |place| x[place * from.channels + c]);
                let low = |c: usize| of_channel(c).fold(f64::MAX, f64::min);
                let mean = |c: usize| of_channel(c).sum::<f64>() / places as f64 - low(c);
                collect(to, |y, xx, c| (at(x, from, Some(y), Some(xx), c) - low(c)) / mean(c).max(1e-8))
            }
            Op::Interpolate => {
                let along = |place: usize, from: usize, to: usize| {
                    let center = ((place as f64 + 0.5) * from as f64 / to as f64 - 0.5).clamp(0.0, (from - 1) as f64);
                    (center as usize, center.fract())
                };
                collect(to, |y, xx, c| {
                    let ((row, down), (col, right)) =
                        (along(y, from.height, to.height), along(xx, from.width, to.width));
                    let corner = |i: usize, j: usize| {
                        let (row, col) = ((row + i).min(from.height - 1), (col + j).min(from.width - 1));
                        at(x, from, Some(row), Some(col), c)
                    };
                    let line = |i: usize| (1.0 - right) * corner(i, 0) + right * corner(i, 1);
                    (1.0 - down) * line(0) + down * line(1)
                })
            }
            // The opening is a constant: that of the image, whatever is sent through the node.
            Op::Gate => {
                let per_pixel = winners[1].len() / (from.height * from.width);
                collect(to, |y, xx, c| {
                    let opening = (y * from.width + xx) * per_pixel + if per_pixel == 1 { 0 } else { c };
                    at(x, from, Some(y), Some(xx), c) * winners[1][opening]
                })
            }
            Op::MaxPool(g) => collect(to, |y, xx, c| {
                let mut best: Option<(f64, f64)> = None;
                for (kh, kw) in pairs(g.kernel[0], g.kernel[1]) {
                    let row = (y * g.stride[0] + kh * g.dilation[0])
                        .checked_sub(g.padding[0])
                        .filter(|row| *row < from.height);
                    let col = (xx * g.stride[1] + kw * g.dilation[1])
                        .checked_sub(g.padding[1])
                        .filter(|col| *col < from.width);
                    if row.is_none() || col.is_none() {
                        continue;
                    }
                    let rank = at(winners[0], from, row, col, c);
                    if best.is_none_or(|(top, _)| rank > top) {
                        best = Some((rank, at(x, from, row, col, c)));
                    }
                }
                best.expect("a window holds a pixel").1
            }),
            Op::AveragePool(window) => collect(to, |y, xx, c| {
                let [v, h] = window.0;
                let span = |o: usize, w: isnet_kernels::average_pool::AverageWindow, n: usize| {
                    let start = o * w.stride;
                    (start, (start + w.kernel).min(n + 2 * w.padding))
                };
                let ((y0, y1), (x0, x1)) = (span(y, v, from.height), span(xx, h, from.width));
                let (mut sum, mut rows, mut cols) = (0.0, 0, 0);
                for row in y0..y1 {
                    let inside = row >= v.padding && row < from.height + v.padding;
                    rows += usize::from(inside || v.count_padding);
                    for col in x0..x1 {
                        sum += at(x, from, row.checked_sub(v.padding), col.checked_sub(h.padding), c);
                    }
                }
                for col in x0..x1 {
                    let inside = col >= h.padding && col < from.width + h.padding;
                    cols += usize::from(inside || h.count_padding);
                }
                sum / (rows * cols) as f64
            }),
            Op::AdaptiveAveragePool(_) => collect(to, |y, xx, c| {
                let span = |o: usize, out: usize, n: usize| (o * n / out, ((o + 1) * n).div_ceil(out));
                let ((y0, y1), (x0, x1)) = (span(y, to.height, from.height), span(xx, to.width, from.width));
                let sum: f64 = (y0..y1)
                    .flat_map(|row| (x0..x1).map(move |col| (row, col)))
                    .map(|(row, col)| at(x, from, Some(row), Some(col), c))
                    .sum();
                sum / ((y1 - y0) * (x1 - x0)) as f64
            }),
            Op::Add => {
                inputs[1..].iter().fold(x.to_vec(), |sum, other| sum.iter().zip(*other).map(|(a, b)| a + b).collect())
            }
            Op::Concat => collect(to, |y, xx, c| {
                let mut channel = c;
                for (input, data) in node.inputs.iter().zip(inputs) {
                    let shape = self.shapes[input.index()];
                    if channel < shape.channels {
                        return at(data, shape, Some(y), Some(xx), channel);
                    }
                    channel -= shape.channels;
                }
                unreachable!("channel within the concatenation")
            }),
            Op::Flatten => collect(to, |_, _, f| {
                let pixels = from.height * from.width;
                at(x, from, Some(f % pixels / from.width), Some(f % from.width), f / pixels)
            }),
            Op::Dropout(_) | Op::Identity => x.to_vec(),
            Op::Softmax => collect(to, |y, xx, c| {
                let all = (0..from.channels).map(|k| at(x, from, Some(y), Some(xx), k).exp());
                at(x, from, Some(y), Some(xx), c).exp() / all.sum::<f64>()
            }),
            Op::LayerNorm(norm) => collect(to, |_, t, c| {
                let token = &x[t * from.channels..][..from.channels];
                let (mean, variance) = moments(token);
                let scale = param(norm.weight)[c] / (variance + norm.epsilon).sqrt();
                (token[c] - mean) * scale + param(norm.bias)[c]
            }),
            Op::Gelu => x.iter().map(|v| v * normal_cdf(*v)).collect(),
            Op::Tokens(tokens) => {
                let all: Vec<f64> = param(tokens.class_token).iter().chain(x).copied().collect();
                all.iter().zip(param(tokens.position)).map(|(x, position)| x + position).collect()
            }
            Op::SelectToken(token) => x[token * from.channels..][..from.channels].to_vec(),
            Op::NarrowChannels { start, .. } => collect(to, |_, t, c| x[t * from.channels + start + c]),
            Op::AttentionScores { heads } => {
                let (n, size) = (from.channels, from.channels / heads);
                collect(to, |head, t, u| {
                    let part = |tokens: &[f64], token: usize| tokens[token * n + head * size..][..size].to_vec();
                    dot(&part(x, t), &part(inputs[1], u)) / (size as f64).sqrt()
                })
            }
            Op::AttentionSums => collect(to, |_, t, c| {
                let head = c / (to.channels / from.height);
                let weight = |u| at(x, from, Some(head), Some(t), u);
                (0..from.channels).map(|u| weight(u) * inputs[1][u * to.channels + c]).sum()
            }),
            Op::Input => unreachable!("it computes nothing"),
        }
    }
}

/// Whether a node is in an affine part, but not its head.
fn inside(pass: &Pass, id: NodeId) -> bool {
    pass.parts().iter().any(|part| part.contains(id) && part.head != id)
}

/// Mean and biased variance.
fn moments(values: &[f64]) -> (f64, f64) {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64)
}

/// Φ by Simpson's rule over its density, from 0.
fn normal_cdf(x: f64) -> f64 {
    const PARTS: usize = 2000;
    let density = |t: f64| (-0.5 * t * t).exp() / std::f64::consts::TAU.sqrt();
    let step = x / PARTS as f64;
    let weight = |i: usize| if i == 0 || i == PARTS { 1.0 } else { [2.0, 4.0][i % 2] };
    0.5 + step / 3.0 * (0..=PARTS).map(|i| weight(i) * density(i as f64 * step)).sum::<f64>()
}

fn relu_factor(a: f64, epsilon: f64) -> f64 {
    if a == 0.0 { 0.0 } else { a / (a + epsilon) }
}

fn at(x: &[f64], shape: Shape, row: Option<usize>, col: Option<usize>, channel: usize) -> f64 {
    match (row, col) {
        (Some(row), Some(col)) if row < shape.height && col < shape.width => {
            x[(row * shape.width + col) * shape.channels + channel]
        }
        _ => 0.0,
    }
}

fn collect(shape: Shape, mut value: impl FnMut(usize, usize, usize) -> f64) -> Vec<f64> {
    let mut values = Vec::with_capacity(shape.len());
    for (row, col) in pairs(shape.height, shape.width) {
        values.extend((0..shape.channels).map(|channel| value(row, col, channel)));
    }
    values
}

fn pairs(a: usize, b: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..a).flat_map(move |i| (0..b).map(move |j| (i, j)))
}

fn identity(n: usize) -> Matrix {
    (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect()
}

fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    a.iter().map(|row| (0..b[0].len()).map(|j| row.iter().zip(b).map(|(w, r)| w * r[j]).sum()).collect()).collect()
}

fn transposed(weights: &Matrix, x: &[f64]) -> Vec<f64> {
    (0..weights[0].len()).map(|j| weights.iter().zip(x).map(|(row, x)| row[j] * x).sum()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn product(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a * b).collect()
}

fn add(sum: &mut [f64], share: &[f64]) {
    for (sum, share) in sum.iter_mut().zip(share) {
        *sum += share;
    }
}
