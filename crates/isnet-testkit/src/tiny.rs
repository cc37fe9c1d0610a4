//! Tiny graphs that together use every operation, in the arrangements that break walkers.

use isnet_graph::{
    AveragePoolWindow, ConvGeometry, ConvSpec, Dense, Graph, GraphBuilder, Init, MaxPoolGeometry, NodeId, Op,
    ParamRole, Sharing, Tokens,
};
use isnet_kernels::average_pool::AverageWindow;

/// A graph with the image size `[H, W]` it is meant for.
pub struct Tiny {
    /// What it tries.
    pub name: &'static str,
    /// The graph.
    pub graph: Graph,
    /// `[H, W]`.
    pub size: [usize; 2],
}

/// Classes of every tiny graph.
pub const CLASSES: usize = 3;

fn tiny(name: &'static str, size: [usize; 2], build: fn(&mut GraphBuilder) -> NodeId, channels: usize) -> Tiny {
    let mut builder = GraphBuilder::new(channels);
    let output = build(&mut builder);
    Tiny { name, size, graph: builder.finish(output).expect("a tiny graph is valid") }
}

/// A vision transformer: six patches, a block of attention with two heads and an MLP.
pub fn transformer() -> Tiny {
    tiny("vision transformer", [6, 4], transformer_nodes, 2)
}

/// All whose operations are linear but for ReLUs and max pools.
pub fn all() -> Vec<Tiny> {
    vec![
        tiny("plain chain", [6, 5], plain_chain, 2),
        tiny("batch norm after conv", [5, 5], norm_after, 2),
        tiny("batch norm before conv", [5, 6], norm_before, 2),
        tiny("residual", [5, 5], residual, 2),
        tiny("dense block", [4, 5], dense_block, 1),
        tiny("reused nodes", [5, 5], reused, 1),
        tiny("no relu at all", [4, 4], no_relu, 2),
        tiny("multilayer perceptron", [3, 3], perceptron, 2),
        tiny("groups, stride, dilation", [9, 8], grouped, 2),
        tiny("overlapping and hanging pools", [7, 8], pools, 2),
        tiny("two first layers", [6, 6], two_stems, 2),
        tiny("relu and linear readers of the stem", [5, 5], mixed_readers, 2),
        tiny("stride larger than kernel", [7, 7], skipping, 2),
        tiny("batch norms before a dense layer", [4, 3], norms_before_dense, 2),
        tiny("transposed convolutions", [6, 4], transposed, 2),
        tiny("transposed convolutions in groups", [4, 3], transposed_groups, 2),
        tiny("gates", [5, 4], gates, 2),
        tiny("grid attention", [6, 7], grid_attention, 2),
        tiny("foreground attention", [5, 4], foreground_attention, 2),
    ]
}

fn head(build: &mut GraphBuilder, x: NodeId, channels: usize) -> NodeId {
    let x = build.adaptive_average_pool("pool", x, [1, 1]);
    let x = build.flatten("flatten", x);
    build.dense("fc", x, channels, CLASSES)
}

fn plain_chain(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(2, 3, 3).padded(1).biased());
    let x = build.relu("relu0", x);
    let x = build.max_pool("pool0", x, MaxPoolGeometry::square(2));
    let x = build.conv("conv1", x, ConvSpec::square(3, 4, 3).padded(1).biased());
    let x = build.relu("relu1", x);
    let x = build.dropout("dropout", x, 0.5);
    let x = build.flatten("flatten", x);
    build.dense("fc", x, 4 * 3 * 2, CLASSES)
}

fn norm_after(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(2, 3, 3).padded(1));
    let x = build.batch_norm("norm0", x, 3);
    let x = build.relu("relu0", x);
    let x = build.conv("conv1", x, ConvSpec::square(3, 4, 3).biased());
    let x = build.batch_norm("norm1", x, 4);
    let x = build.relu("relu1", x);
    head(build, x, 4)
}

fn norm_before(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let x = build.batch_norm("norm0", x, 2);
    let x = build.conv("conv0", x, ConvSpec::square(2, 4, 3).padded(1).biased());
    let x = build.relu("relu0", x);
    let x = build.batch_norm("norm1", x, 4);
    let x = build.relu("relu1", x);
    let x = build.conv("conv1", x, ConvSpec::square(4, 3, 1));
    let x = build.relu("relu2", x);
    head(build, x, 3)
}

fn residual(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(2, 4, 3).padded(1));
    let x = build.batch_norm("norm0", x, 4);
    let stem = build.relu("relu0", x);
    let x = build.conv("conv1", stem, ConvSpec::square(4, 4, 3).padded(1));
    let x = build.batch_norm("norm1", x, 4);
    let x = build.relu("relu1", x);
    let x = build.conv("conv2", x, ConvSpec::square(4, 4, 3).padded(1));
    let x = build.batch_norm("norm2", x, 4);
    let x = build.add("add", &[x, stem]);
    let x = build.relu("relu2", x);
    build.supervise(x);
    head(build, x, 4)
}

fn dense_block(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(1, 3, 3).padded(1));
    let x = build.relu("relu0", x);
    let mut features = vec![x];
    for layer in 1..=10 {
        let channels = 3 + 2 * (layer - 1);
        let joined = build.concat(&format!("concat{layer}"), &features);
        let x = build.batch_norm(&format!("norm{layer}"), joined, channels);
        let x = build.relu(&format!("relu{layer}"), x);
        features.push(build.conv(&format!("conv{layer}"), x, ConvSpec::square(channels, 2, 3).padded(1)));
    }
    let x = build.concat("concat", &features);
    let x = build.relu("relu", x);
    build.supervise(x);
    head(build, x, 23)
}

fn reused(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(1, 2, 3).padded(1).biased());
    let stem = build.relu("relu0", x);
    let a = build.conv("conv_a", stem, ConvSpec::square(2, 2, 3).padded(1).biased());
    let a = build.relu("relu_a", a);
    let twice = build.add("twice", &[stem, a, stem]);
    let joined = build.concat("joined", &[twice, stem, a]);
    let x = build.identity("identity", joined);
    let x = build.conv("conv1", x, ConvSpec::square(6, 3, 1).biased());
    let x = build.relu("relu1", x);
    head(build, x, 3)
}

fn no_relu(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(2, 3, 3).padded(1).biased());
    let x = build.average_pool("average", x, AveragePoolWindow::square(2));
    let x = build.conv("conv1", x, ConvSpec::square(3, 3, 1));
    head(build, x, 3)
}

fn perceptron(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let x = build.flatten("flatten", x);
    let x = build.dense("fc0", x, 18, 6);
    let x = build.relu("relu0", x);
    let x = build.dense("fc1", x, 6, 5);
    let x = build.relu("relu1", x);
    build.dense("fc2", x, 5, CLASSES)
}

fn grouped(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let geometry = ConvGeometry { stride: [2, 1], padding: [2, 1], dilation: [2, 1], groups: 2 };
    let spec = ConvSpec { input: 2, output: 4, kernel: [3, 2], geometry, bias: true };
    let x = build.conv("conv0", x, spec);
    let x = build.relu("relu0", x);
    let x = build.conv("depthwise", x, ConvSpec::square(4, 4, 3).padded(1).grouped(4));
    let x = build.batch_norm("norm", x, 4);
    let x = build.relu("relu1", x);
    let x = build.conv("pointwise", x, ConvSpec::square(4, 3, 1).biased());
    let x = build.relu("relu2", x);
    head(build, x, 3)
}

fn pools(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(2, 3, 3).padded(1).biased());
    let x = build.relu("relu0", x);
    let overlapping =
        MaxPoolGeometry { kernel: [3, 3], stride: [1, 1], padding: [1, 1], dilation: [1, 1], ceil_mode: false };
    let x = build.max_pool("overlapping", x, overlapping);
    let hanging =
        MaxPoolGeometry { kernel: [3, 3], stride: [2, 2], padding: [0, 0], dilation: [1, 1], ceil_mode: true };
    let x = build.max_pool("hanging", x, hanging);
    let window = AverageWindow { kernel: 2, stride: 1, padding: 1, ceil_mode: false, count_padding: true };
    let x =
        build.average_pool("average", x, AveragePoolWindow([window, AverageWindow { count_padding: false, ..window }]));
    let x = build.conv("conv1", x, ConvSpec::square(3, 3, 1).biased());
    let x = build.relu("relu1", x);
    let x = build.adaptive_average_pool("adaptive", x, [3, 2]);
    let x = build.flatten("flatten", x);
    build.dense("fc", x, 18, CLASSES)
}

fn two_stems(build: &mut GraphBuilder) -> NodeId {
    let image = build.input();
    let a = build.conv("conv_a", image, ConvSpec::square(2, 2, 3).padded(1).biased());
    let a = build.relu("relu_a", a);
    let b = build.conv("conv_b", image, ConvSpec::square(2, 3, 1).biased());
    let b = build.batch_norm("norm_b", b, 3);
    let b = build.relu("relu_b", b);
    let x = build.concat("concat", &[a, b]);
    head(build, x, 5)
}

fn mixed_readers(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let stem = build.conv("conv0", x, ConvSpec::square(2, 3, 3).padded(1).biased());
    let a = build.relu("relu0", stem);
    let b = build.conv("conv1", stem, ConvSpec::square(3, 3, 1).biased());
    let x = build.add("add", &[a, b]);
    let x = build.relu("relu1", x);
    head(build, x, 3)
}

fn skipping(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(2, 3, 2).strided(3).biased());
    let x = build.relu("relu0", x);
    let x = build.conv("conv1", x, ConvSpec::square(3, 4, 1).strided(2));
    let x = build.batch_norm("norm1", x, 4);
    let x = build.relu("relu1", x);
    head(build, x, 4)
}

fn norms_before_dense(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let x = build.batch_norm("norm0", x, 2);
    let x = build.batch_norm("norm1", x, 2);
    let x = build.flatten("flatten", x);
    let x = build.batch_norm("norm2", x, 24);
    let x = build.dense("fc0", x, 24, 12);
    let x = build.relu("relu0", x);
    build.dense("fc1", x, 12, CLASSES)
}

/// More channels out than in, and fewer; every channel a group of its own, and two groups of two.
fn transposed_groups(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(2, 2, 3).padded(1).biased());
    let x = build.relu("relu0", x);
    let x = build.conv_transpose("up0", x, ConvSpec::square(2, 4, 2).strided(2).grouped(2));
    let x = build.relu("relu1", x);
    build.supervise(x);
    let x = build.conv_transpose("up1", x, ConvSpec::square(4, 2, 3).padded(1).grouped(2));
    let x = build.relu("relu2", x);
    head(build, x, 2)
}

/// Down and up again, with a skip; the second transpose overlaps, hangs over and skips.
fn transposed(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(2, 3, 3).padded(1));
    let x = build.batch_norm("norm0", x, 3);
    let skip = build.relu("relu0", x);
    let x = build.max_pool("pool0", skip, MaxPoolGeometry::square(2));
    let x = build.conv("conv1", x, ConvSpec::square(3, 4, 3).padded(1).biased());
    let x = build.relu("relu1", x);
    let x = build.conv_transpose("up0", x, ConvSpec::square(4, 2, 2).strided(2));
    let x = build.concat("concat", &[skip, x]);
    let x = build.relu("relu2", x);
    let geometry = ConvGeometry { stride: [2, 1], padding: [1, 0], dilation: [1, 2], groups: 1 };
    let x = build.conv_transpose("up1", x, ConvSpec { input: 5, output: 3, kernel: [3, 2], geometry, bias: true });
    let x = build.relu("relu3", x);
    head(build, x, 3)
}

/// A gate of one channel that learns, one of several, and one that is open or shut.
fn gates(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(2, 3, 3).padded(1).biased());
    let x = build.relu("relu0", x);
    let one = build.conv("conv_one", x, ConvSpec::square(3, 1, 1).biased());
    let one = build.sigmoid("sigmoid_one", one);
    let a = build.gate("gate_one", x, one);
    let all = build.conv("conv_all", x, ConvSpec::square(3, 3, 1).biased());
    let all = build.sigmoid("sigmoid_all", all);
    let b = build.gate("gate_all", x, all);
    let shut = build.threshold("threshold", x, 0.3);
    let c = build.gate("gate_shut", x, shut);
    let x = build.add("add", &[a, b, c]);
    let x = build.relu("relu1", x);
    head(build, x, 3)
}

/// A coarse signal that is interpolated, to be read and to open the finer features.
fn grid_attention(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(2, 3, 3).padded(1).biased());
    let fine = build.relu("relu0", x);
    let x = build.max_pool("pool0", fine, MaxPoolGeometry::square(3));
    let x = build.conv("conv1", x, ConvSpec::square(3, 3, 1).biased());
    let coarse = build.relu("relu1", x);
    let up = build.interpolate("up", coarse, fine);
    let sum = build.add("sum", &[fine, up]);
    let sum = build.relu("relu2", sum);
    let score = build.conv("score", sum, ConvSpec::square(3, 1, 1).biased());
    let opening = build.spatial_share("opening", score, Sharing::AboveMinimum);
    let gated = build.gate("gate", fine, opening);
    let x = build.concat("concat", &[gated, up]);
    head(build, x, 6)
}

/// Channels that open by what the picture is of, and a smooth maximum over the places.
fn foreground_attention(build: &mut GraphBuilder) -> NodeId {
    let x = build.input();
    let x = build.conv("conv0", x, ConvSpec::square(2, 3, 3).padded(1).biased());
    let x = build.relu("relu0", x);
    let score = build.conv("score", x, ConvSpec::square(3, 1, 1));
    let share = build.spatial_share("share", score, Sharing::Softmax);
    let context = build.gate("context", x, share);
    let context = build.adaptive_average_pool("context_pool", context, [1, 1]);
    let opening = build.dense_unbiased("fc0", context, 3, 3);
    let opening = build.sigmoid("sigmoid", opening);
    let everywhere = build.interpolate("everywhere", opening, x);
    let gated = build.gate("gate", x, everywhere);
    let x = build.conv("conv1", gated, ConvSpec::square(3, 3, 1).biased());
    let x = build.relu("relu1", x);
    let x = build.log_sum_exp_pool("pool", x, 2.0);
    build.dense_unbiased("fc", x, 3, CLASSES)
}

fn transformer_nodes(build: &mut GraphBuilder) -> NodeId {
    const WIDTH: usize = 4;
    let image = build.input();
    let x = build.conv("patches", image, ConvSpec::square(2, WIDTH, 2).strided(2).biased());
    let mut embedding =
        |name, count| build.parameter(name, vec![1, count, WIDTH], ParamRole::Embedding, Init::Constant(0.0));
    let tokens = Tokens { class_token: embedding("class", 1), position: embedding("position", 7), grid: [3, 2] };
    let input = build.node("tokens", Op::Tokens(tokens), &[x]);
    let x = build.layer_norm("norm0", input, WIDTH, 1e-2);
    let joined = build.dense("in_proj", x, WIDTH, 3 * WIDTH);
    let [query, key, value] = [("query", 0), ("key", 1), ("value", 2)]
        .map(|(name, part)| build.node(name, Op::NarrowChannels { start: part * WIDTH, channels: WIDTH }, &[joined]));
    let x = build.node("scores", Op::AttentionScores { heads: 2 }, &[query, key]);
    let x = build.softmax("weights", x);
    let x = build.node("sums", Op::AttentionSums, &[x, value]);
    let weight = build.parameter("out_proj.weight", vec![WIDTH, WIDTH], ParamRole::DenseWeight, Init::Constant(0.0));
    let x = build.node("out_proj", Op::Dense(Dense { weight, bias: None }), &[x]);
    let input = build.add("add0", &[x, input]);
    let x = build.layer_norm("norm1", input, WIDTH, 1e-2);
    let x = build.dense("mlp0", x, WIDTH, 6);
    let x = build.gelu("gelu", x);
    let x = build.dense("mlp1", x, 6, WIDTH);
    let x = build.add("add1", &[x, input]);
    let x = build.node("class_token", Op::SelectToken(0), &[x]);
    build.dense("fc", x, WIDTH, CLASSES)
}
