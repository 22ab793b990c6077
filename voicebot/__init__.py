"""AI voice outbound-call robot for securities firms (证券公司智能语音外呼机器人)."""

__version__ = "0.1.0"
