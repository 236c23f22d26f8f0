"Transfer learning for transcription factor binding prediction: `from tf_transfer.all import *`"
__version__ = "0.1.0"
