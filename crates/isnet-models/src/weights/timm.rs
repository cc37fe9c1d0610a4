//! The names that timm gives to the weights of a vision transformer.

/// A name that only the vision transformers of timm have.
pub(super) const FIRST: &str = "patch_embed.proj.weight";

/// The name in torchvision of a tensor of timm's vision transformers; other names stay. Shapes and layout are the same in both.
pub(super) fn torchvision_name(timm: &str) -> String {
    const WHOLE: [(&str, &str); 2] = [("cls_token", "class_token"), ("pos_embed", "encoder.pos_embedding")];
    const MODULES: [(&str, &str); 3] =
        [("patch_embed.proj.", "conv_proj."), ("norm.", "encoder.ln."), ("head.", "heads.head.")];
    const IN_BLOCK: [(&str, &str); 6] = [
        ("norm1.", "ln_1."),
        ("attn.qkv.", "self_attention.in_proj_"),
        ("attn.proj.", "self_attention.out_proj."),
        ("norm2.", "ln_2."),
        ("mlp.fc1.", "mlp.0."),
        ("mlp.fc2.", "mlp.3."),
    ];
    if let Some((_, name)) = WHOLE.iter().find(|(whole, _)| *whole == timm) {
        return (*name).to_owned();
    }
    if let Some((number, rest)) = timm.strip_prefix("blocks.").and_then(|rest| rest.split_once('.')) {
        return format!("encoder.layers.encoder_layer_{number}.{}", renamed(rest, &IN_BLOCK));
    }
    renamed(timm, &MODULES)
}

/// The name with its beginning replaced, where the table has it.
fn renamed(name: &str, table: &[(&str, &str)]) -> String {
    let found = table.iter().find_map(|(from, to)| Some(format!("{to}{}", name.strip_prefix(from)?)));
    found.unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_timm_become_torchvisions() {
        for (timm, torchvision) in [
            ("cls_token", "class_token"),
            ("patch_embed.proj.bias", "conv_proj.bias"),
            ("blocks.11.attn.qkv.weight", "encoder.layers.encoder_layer_11.self_attention.in_proj_weight"),
            ("blocks.0.attn.proj.bias", "encoder.layers.encoder_layer_0.self_attention.out_proj.bias"),
            ("blocks.0.mlp.fc2.weight", "encoder.layers.encoder_layer_0.mlp.3.weight"),
            ("blocks.0.ls1.gamma", "encoder.layers.encoder_layer_0.ls1.gamma"),
            ("norm.weight", "encoder.ln.weight"),
            ("head.weight", "heads.head.weight"),
            ("fc_norm.weight", "fc_norm.weight"),
        ] {
            assert_eq!(torchvision_name(timm), torchvision);
        }
    }
}
