"""The heads of the paper and of the baselines it measures against: plain torch modules.

Conventions
    width        C, the width of the features
    classes      events, background not counted
    d_model      width of a token, which the attention `heads` share; `feedforward` is the hidden width between layers
    kernel       frames that a convolution sees, odd
    dropout      of the paper's or the original's places: on the tokens, inside the layers, before the classifier
"""
