"""Ears: speech in, text out (语音识别)."""
