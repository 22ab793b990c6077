# The same steps as `make setup`, on a slim Python 3.11, without root. Recordings and the database live on /data.
FROM python:3.11-slim

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 \
    VOICEBOT_DATABASE_URL=sqlite:////data/voicebot.db \
    VOICEBOT_RECORDINGS_DIR=/data/recordings \
    VOICEBOT_TTS_CACHE_DIR=/data/tts-cache

RUN useradd --create-home --uid 10001 voicebot && mkdir -p /app /data && chown voicebot:voicebot /app /data
WORKDIR /app
COPY --chown=voicebot:voicebot . .
RUN pip install --constraint constraints.txt --editable .

USER voicebot
VOLUME /data
# SIP and RTP of one worker; publish them or use host networking.
EXPOSE 5060/udp 20000-20100/udp
ENTRYPOINT ["voicebot"]
CMD ["demo"]
