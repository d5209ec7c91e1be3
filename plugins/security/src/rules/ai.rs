//! Model providers and what is built around them.

use super::{Check, Rule, named};

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "openai-key",
        "OpenAI API key",
        &["t3blbkfj"],
        r"\b(sk-(?:[a-z]{2,16}-)?[A-Za-z0-9_\-]{16,180}T3BlbkFJ[A-Za-z0-9_\-]{16,180})",
    )
    .bits(3.5),
    Rule::new(
        "anthropic-key",
        "Anthropic API key",
        &["sk-ant-"],
        r"\b(sk-ant-[a-z]{2,8}\d{2,3}-[A-Za-z0-9_\-]{70,120})",
    )
    .bits(3.5),
    Rule::new("openrouter-key", "OpenRouter key", &["sk-or-v1-"], r"\b(sk-or-v1-[0-9a-f]{64})\b"),
    Rule::new("deepseek-key", "DeepSeek API key", &["sk-"], r"\b(sk-[0-9a-f]{32})(?:[^A-Za-z0-9_\-]|$)"),
    Rule::new("stability-key", "sk- API key", &["sk-"], r"\b(sk-[A-Za-z0-9]{48})(?:[^A-Za-z0-9_\-]|$)")
        .bits(4.0)
        .check(Check::Mixed),
    Rule::new(
        "named-sk-key",
        "API key of a model provider",
        &["deepseek", "openai", "kimi", "moonshot", "dashscope", "qwen"],
        named!(r"deepseek|openai|kimi|moonshot|dashscope|qwen", r"sk-[A-Za-z0-9_\-]{24,64}"),
    )
    .check(Check::Mixed),
    Rule::new("huggingface-token", "Hugging Face token", &["hf_", "api_org_"], r"\b((?:hf|api_org)_[A-Za-z]{34})")
        .bits(3.5)
        .check(Check::Letters),
    Rule::new("groq-key", "Groq API key", &["gsk_"], r"\b(gsk_[A-Za-z0-9]{52})\b").bits(3.5),
    Rule::new("replicate-token", "Replicate token", &["r8_"], r"\b(r8_[A-Za-z0-9]{37})\b").bits(3.5),
    Rule::new("xai-key", "xAI API key", &["xai-"], r"\b(xai-[A-Za-z0-9]{80})\b"),
    Rule::new("perplexity-key", "Perplexity API key", &["pplx-"], r"\b(pplx-[A-Za-z0-9]{48})\b"),
    Rule::new("langchain-key", "LangSmith key", &["lsv2_"], r"\b(lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10})\b"),
    Rule::new("pinecone-key", "Pinecone key", &["pcsk_"], r"\b(pcsk_[A-Za-z0-9]{4,6}_[A-Za-z0-9]{60,70})\b"),
    Rule::new("nvidia-key", "NVIDIA API key", &["nvapi-"], r"\b(nvapi-[A-Za-z0-9_\-]{60,70})"),
    Rule::new("wandb-key", "Weights & Biases key", &["wandb_v1_"], r"\b(wandb_v1_[A-Za-z0-9]{27}_[A-Za-z0-9]{49})\b"),
    Rule::new(
        "wandb-legacy-key",
        "Weights & Biases key of the old form",
        &["wandb"],
        named!(r"wandb|weights[_\-]and[_\-]biases", r"[0-9a-f]{40}"),
    ),
    Rule::new("cerebras-key", "Cerebras key", &["csk-"], r"\b(csk-[a-z0-9]{48})\b"),
    Rule::new("fireworks-key", "Fireworks AI key", &["fw_"], r"\b(fw_[A-Za-z0-9]{22,24})\b")
        .bits(3.5)
        .check(Check::Mixed),
    Rule::new("tavily-key", "Tavily key", &["tvly-"], r"\b(tvly-(?:dev-|prod-)?[A-Za-z0-9]{32})\b"),
    Rule::new("elevenlabs-key", "ElevenLabs key", &["sk_", "elevenlabs"], r"\b(sk_[0-9a-f]{48})\b"),
    Rule::new("mistral-key", "Mistral API key", &["mistral"], named!(r"mistral", r"[A-Za-z0-9]{32}"))
        .bits(3.7)
        .check(Check::Mixed),
    Rule::new(
        "cohere-key",
        "Cohere API key",
        &["cohere", "co_api_key"],
        named!(r"cohere|co_api_key", r"[A-Za-z0-9]{40}"),
    )
    .bits(4.0)
    .check(Check::Mixed),
    Rule::new("deepgram-key", "Deepgram key", &["deepgram"], named!(r"deepgram", r"[0-9a-f]{40}")),
    Rule::new("cursor-key", "Cursor key", &["key_"], r"\b(key_[0-9a-f]{64})\b"),
];
