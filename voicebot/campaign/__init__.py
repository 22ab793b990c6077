"""Campaigns 外呼活动: contacts, compliance gates, life, pacing, retries, durable dispatch (docs/campaigns.md)."""
