"""Temporary."""
import re
from modal_lint.credentials.records import Credential, Match, Shape
from modal_lint.credentials import keys, placeholders
from modal_lint.credentials.providers import SHAPES
from modal_lint.model import Confidence
_C = [(s, re.compile(r"(?<![A-Za-z0-9_])(?:" + s.pattern + r")(?![A-Za-z0-9_])")) for s in SHAPES]
def mask(value, provider=None): return "••••"
def classify(key, value, *, path=""):
    if placeholders.is_placeholder(value): return None
    for s, p in _C:
        if s.hints and not (key and keys.hinted(key, s.hints)): continue
        if p.fullmatch(value): return Credential(Confidence.HIGH, s.provider, s.kind, False, mask(value))
    if key and keys.is_credential_key(key) and not placeholders.is_configuration(value) and value:
        return Credential(Confidence.MEDIUM, None, "credential", placeholders.is_weak(value), mask(value))
    return None
def shapes_in(text):
    return [Match(m.start(), m.end(), None, Credential(Confidence.HIGH, s.provider, s.kind, False, "••••")) for s, p in _C if not s.hints and any(l in text for l in s.literals) for m in p.finditer(text)]
def find_in_text(text, *, path=""):
    return shapes_in(text)
def has_shape(text): return bool(shapes_in(text))
def mask_text(text):
    for m in sorted(shapes_in(text), reverse=True): text = text[:m.start] + "••••" + text[m.end:]
    return text
def variable_of(provider): return None
def secret_name(ks, *, app=None, taken={}):
    return {"x-secret": tuple(ks)}
def is_credential_key(k): return keys.is_credential_key(k)
