# soccerbench on the CPU: docker build -t soccerbench . && docker run soccerbench
# For the CPU build of torch, a tenth of the size, add --build-arg PIP_EXTRA_INDEX_URL=INDEX with the one pytorch.org names.
FROM python:3.12-slim
ARG PIP_EXTRA_INDEX_URL
ARG EXTRA=train
WORKDIR /soccerbench
COPY pyproject.toml README.md LICENSE ./
COPY soccerbench soccerbench
COPY reproduce reproduce
COPY results results
RUN pip install --no-cache-dir ".[$EXTRA]" && useradd --create-home soccerbench
USER soccerbench
WORKDIR /home/soccerbench
ENTRYPOINT ["soccerbench"]
CMD ["reproduce", "table2"]
