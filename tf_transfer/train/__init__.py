"Training: batches, metrics, callbacks, learners, pre-training."
