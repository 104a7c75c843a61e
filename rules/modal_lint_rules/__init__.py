"""The rules: one rule, one file. ``RULES`` is the catalogue, in order of codes."""

from modal_lint.model import Rule

from modal_lint_rules import (
    ms001_unreadable_source,
    ms002_unused_suppression,
    ms101_hardcoded_env,
    ms102_hardcoded_secret,
    ms103_credential_in_image,
    ms104_credential_in_argv,
    ms105_hardcoded_modal_token,
    ms106_hardcoded_fallback,
    ms107_credential_file_shipped,
    ms108_credential_in_payload,
    ms109_credential_in_policy_header,
    ms110_credential_in_shipped_source,
    ms201_secret_baked_into_image,
    ms205_secret_in_argv,
    ms206_secret_in_payload,
    ms207_whole_environment,
    ms301_dotenv_path_is_not_a_filename,
    ms302_dotenv_missing,
    ms306_registry_secrets_ignored,
    ms307_unexpanded_variable,
    ms308_environment_not_inherited,
    ms309_dead_handler,
    ms313_stale_upsert,
    ms314_delete_in_use,
)

RULES: tuple[Rule, ...] = (
    ms001_unreadable_source.RULE,
    ms002_unused_suppression.RULE,
    ms101_hardcoded_env.RULE,
    ms102_hardcoded_secret.RULE,
    ms103_credential_in_image.RULE,
    ms104_credential_in_argv.RULE,
    ms105_hardcoded_modal_token.RULE,
    ms106_hardcoded_fallback.RULE,
    ms107_credential_file_shipped.RULE,
    ms108_credential_in_payload.RULE,
    ms109_credential_in_policy_header.RULE,
    ms110_credential_in_shipped_source.RULE,
    ms201_secret_baked_into_image.RULE,
    ms205_secret_in_argv.RULE,
    ms206_secret_in_payload.RULE,
    ms207_whole_environment.RULE,
    ms301_dotenv_path_is_not_a_filename.RULE,
    ms302_dotenv_missing.RULE,
    ms306_registry_secrets_ignored.RULE,
    ms307_unexpanded_variable.RULE,
    ms308_environment_not_inherited.RULE,
    ms309_dead_handler.RULE,
    ms313_stale_upsert.RULE,
    ms314_delete_in_use.RULE,
)

__all__ = ["RULES"]
