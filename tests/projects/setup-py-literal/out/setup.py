#!/usr/bin/env python
import setuptools

setuptools.setup(
    name='acme',
    version='1.10.0',  # not 1.2.3
    python_requires='>=1.2.3',
)
