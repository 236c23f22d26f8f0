# docker build -t tf_transfer . && docker run -p 8888:8888 tf_transfer
FROM python:3.11-slim
ENV PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu PIP_NO_CACHE_DIR=1
WORKDIR /tf_transfer
COPY . .
RUN pip install -c constraints.txt -e . nbdev jupyterlab && python docs/learner.py
EXPOSE 8888
CMD ["jupyter", "lab", "--allow-root", "--ip=0.0.0.0", "--no-browser"]
