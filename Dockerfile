# One image for every process of the scale tier: web, workers, commands. Built from the hashed lock.
FROM python:3.11-slim
RUN pip install --no-cache-dir uv && useradd --system --create-home jigai
WORKDIR /srv/jigai
COPY requirements-scale.txt ./
RUN uv pip install --system --no-cache --require-hashes -r requirements-scale.txt
COPY . .
RUN uv pip install --system --no-cache --no-deps . && install -d -o jigai /var/lib/jigai
USER jigai
ENV JIGAI_DATA_DIR=/var/lib/jigai JIGAI_HOST=0.0.0.0
CMD ["gunicorn", "-c", "python:marketplace.gunicorn_settings"]
